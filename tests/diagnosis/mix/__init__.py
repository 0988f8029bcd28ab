"""A mix of many services, with known faults and as many sound oddities among usual traffic, of any size."""
