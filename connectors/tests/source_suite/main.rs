//! Files as they lie on a disk: found, read, followed, rotated, damaged, and read again after a restart.

mod csv_files;
mod csv_rows;
mod decoded;
mod discovery;
mod follow;
mod inlet;
mod packed;
mod parquet;
mod rig;
mod rotation;
