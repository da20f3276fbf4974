"""The stations of the road, each a pure part and the DoFn that runs it over units."""
