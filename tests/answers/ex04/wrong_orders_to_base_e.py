"""The natural logarithm: orders of e instead of orders of ten.

loses: orders-values, orders-far
"""


# %% orders
def orders_of_magnitude(s):
    return -s
