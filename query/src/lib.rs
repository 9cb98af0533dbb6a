//! SQL over the tables, explain and verify.
