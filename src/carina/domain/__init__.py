"""The nouns of Carina (docs/glossary.md): frozen, and free of files, networks and plots."""
