//! Compositions of operators: consensus and ticks.
