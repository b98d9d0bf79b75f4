"""Execute a flow run, as `python -m prefect.engine` does: the command of `prefect.yaml`.

While it imports what it needs, nothing is garbage: to search for it all the same takes half a second of each run.
`open_app` switches the search on again.
"""

import gc
import runpy

if __name__ == "__main__":
    gc.disable()
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
