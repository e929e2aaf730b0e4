"""What tests and benchmarks share: lakes and warehouses to build in, recorded data, simulated deliveries."""
