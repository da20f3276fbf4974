"""Two stores on this machine, each with a bucket named `bucket`, until standard input ends; prints their addresses."""

import json
import logging
import sys

import requests
from gcp_storage_emulator.server import create_server
from moto.server import ThreadedMotoServer

BUCKET = "bucket"


def main() -> None:
    """Serve both."""
    logging.disable(logging.WARNING)
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    address = "http://{}:{}".format(*s3.get_host_and_port())
    requests.put(f"{address}/{BUCKET}", timeout=10).raise_for_status()
    gs = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    gs.start()
    host, port = gs._api._httpd.socket.getsockname()
    sys.stdout.write(json.dumps({"s3": address, "gs": f"http://{host}:{port}"}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    gs.stop()
    s3.stop()


if __name__ == "__main__":
    main()
