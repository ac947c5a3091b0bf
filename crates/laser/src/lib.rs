//! LASER.
