"""What the chapters teach, one module for each: the same code as in the chapter, for the chapters after it.

A model, loss or score is written out, line by line, in the chapter that its module's first line names. Nothing else
stands here, and a module imports only torch, `schedule`, `require` and the modules of earlier chapters.
"""
