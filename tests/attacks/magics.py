"""Magics, shell commands and help, in cells of its own and in an answer.

base: reference
loses: nothing
"""

CODE = """%matplotlib inline
!pip install torch
%load_ext autoreload
files = !ls
torch?
display(3)
%timeit 1 + 1
print(get_ipython().__class__)
text = \'\'\'
% not a magic
\'\'\'
def energy(x):
    return (x**2).mean(dim=1)
"""


def change(notebook):
    notebook.insert(0, "%%bash\nrm -rf /")
    notebook.insert(0, "%%html\n<b>hello</b>")
    notebook.answer("energy-code", CODE)
    notebook.answer("layer-code", "%%time\n" + notebook.cell("layer-code")["source"])
