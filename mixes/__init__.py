"""What a mix is: spec, budget, parts, manifest, ledger and the order of instances."""
