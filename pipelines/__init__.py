"""Turn raw shards into a built mix with Apache Beam."""
