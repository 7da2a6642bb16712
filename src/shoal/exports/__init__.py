"""Fitted models as programs of other languages: the whole way from raw values to predictions.

    model.py       what is exported: columns, weights, the meaning of the outputs
    golden.py      rows with their predictions, which every export carries
    numerics.py    the constants of the kernel's exp and tanh
    names.py       identifiers, comments and text that nothing executes
    source.py      C: the fragments of c/ with the tables of a model
    header.py      C: the structs that a program includes
    integers.py    C: weights as whole numbers of 8 or 16 bits
    tables.py      C: arrays and text as initialisers
    compiling.py   C: compiled and run here, where there is a compiler
    encoder.py     C: from the values of a row to the inputs
    program.py     C: the program that reads CSV
    sql.py         SQL: one SELECT with a step for each layer
    terms.py       SQL: the expressions of a column
    dialects.py    SQL: what databases say differently
    databases.py   SQL: run here, in Python's SQLite
    javascript.py  JavaScript: the fragments of js/ with the tables of a model
    engines.py     JavaScript: run here, in Node.js
    onnx_model.py  ONNX: one graph from raw values to predictions
    graph.py       ONNX: nodes and constants
    runtime.py     ONNX: run here, in onnxruntime
    checking.py    an export run on its golden rows
    writing.py     which format a path asks for, and the files it gets

This room knows no estimators: they describe themselves as a `Model`.
"""
