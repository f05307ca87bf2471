//! A store in the journal's database.
