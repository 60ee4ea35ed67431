"""A dataset of shards made on a Dask cluster: python dask_cluster.py OUT COUNT [SCHEDULER_ADDRESS]."""

import sys

from distributed import Client

from sirstgen import Generator, Recipe, write_shards


def main() -> None:
    """Write COUNT images to OUT, a path or URL that all workers see, on the given cluster or on one started here."""
    out, count, *address = sys.argv[1:]
    generator = Generator(Recipe(scr=[3, 4, 5, 6]), seed=7)
    with Client(*address) if address else Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
        manifest = write_shards(generator, out, int(count), 1000, executor=client, resume=True)
    assert manifest is not None
    print(f"{manifest['count']} images in {manifest['shards']['count']} shards in {out}")


if __name__ == "__main__":
    main()
