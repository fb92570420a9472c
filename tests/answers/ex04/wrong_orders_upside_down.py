"""The ratio is turned over: the minimax slope divided by the other.

loses: orders-values, orders-far
"""


# %% orders
def orders_of_magnitude(s):
    return s / math.log(10)
