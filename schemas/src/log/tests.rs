mod bytes;
mod chain;
mod names;
mod sample;
mod standing;
