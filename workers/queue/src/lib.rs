//! Delivery of journaled jobs to workers.
