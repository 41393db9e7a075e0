"""One training on several processes, which may be on several machines.

Every worker holds the whole network and takes its share of each batch; gradients, the
statistics of batch normalisation and what the curves need are summed over the workers. So
the answer is that of one process, but for the rounding of sums that are taken in another
order. What starts the workers (`ray_workers`; plain processes in the tests) knows nothing of
the training, and the training (`loop`) nothing of what started it.
"""
