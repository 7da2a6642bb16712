"""Training on a Dask cluster: someone else computes the terms.

    driver                                    worker, any number of them
    deals out pieces, aligned runs of blocks  computes the sums of its pieces
    sends parameters, one task a worker   →   keeps the pieces' rows, as long as there is room
    finishes the tree, makes the step     ←   returns the largest nodes it can

A task is a pure function of what it is given and of the data, so that any worker can do it
again: a worker that dies, hangs or joins costs time and no bit.
"""
