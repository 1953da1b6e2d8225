"""Run by test_ray: a scan on a Ray cluster of two nodes on this machine, in a process of its own.

python -m tests.tools.scan.on_two_nodes FOLDER BANK OUT -> JSON of the totals and of how many nodes worked
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
NODE = "(Node)"  # part of how Ray Data calls the actors of `mamori.tools.scan.on_ray`
LOOPBACK = "127.0.0.2"  # Ray takes 127.0.0.1 for "this host" and would put its outer address instead
warnings.simplefilter("ignore")


def main(folder, bank, out):
    from ray._private.state import actors
    from ray.cluster_utils import Cluster as Local

    from mamori.tools.scan.on_ray import Cluster
    from tests.tools.scan.drawn import LIMITS, scan

    node = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 * 2**20, "node_ip_address": LOOPBACK}
    local = Local(initialize_head=True, head_node_args=node)
    try:
        local.add_node(**{name: value for name, value in node.items() if name != "include_dashboard"})
        with Cluster(local.address, LIMITS, None) as here:
            here.limits = LIMITS
            totals = scan(here, Path(out), bank, folder)
            nodes = len({actor["Address"]["NodeID"] for actor in actors().values() if NODE in actor["ActorClassName"]})
        print(json.dumps({"nodes": nodes, "examined": totals.examined, "matched": totals.matched}))
    finally:
        local.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
