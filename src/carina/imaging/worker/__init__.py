"""The process that decodes: whatever a file does to a decoder, it does to nothing else.

A plain subprocess, `python -m carina.imaging.worker`. It gets files' bytes and returns pixels and
facts through memory without a name (a private temporary file where there is none), one film
after the other, each within limits of processor time and memory that grow with the pixels that
the film declares. `pool` starts workers, hands them out, and replaces those that end; `process`
is one of them as its parent sees it; `loop` is what runs in it. It is no sandbox: it holds a
decoder that fails, not one that was taken over; still nothing that it sends is believed unseen.
"""
