"""SciPy's interpolant of scattered points, LinearNDInterpolator.

scatter.py POINTS QUERIES OUT: both are CSV files without a header, POINTS with
the value in the last column, QUERIES with the true value there. Writes the
interpolated values to OUT, a line each, and prints one line of JSON: the root mean
square error inside the hull, how many queries have no value, and the seconds of
the triangulation and of the queries.
"""

import json
import sys
import time

import numpy as np
from scipy.interpolate import LinearNDInterpolator

points = np.loadtxt(sys.argv[1], delimiter=",")
queries = np.loadtxt(sys.argv[2], delimiter=",")
start = time.perf_counter()
f = LinearNDInterpolator(points[:, :-1], points[:, -1])
fitted = time.perf_counter()
values = f(queries[:, :-1])
done = time.perf_counter()
inside = ~np.isnan(values)
np.savetxt(sys.argv[3], values)
rmse = float(np.sqrt(np.mean((values[inside] - queries[inside, -1]) ** 2)))
print(json.dumps({"rmse": rmse, "missing": int((~inside).sum()), "fit": fitted - start, "query": done - fitted}))
