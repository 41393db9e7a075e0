"""Files and messages that no honest sender sends, each made again from its name and a number."""
