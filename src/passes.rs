//! The optimizer's passes, one file each. `pipeline::OPTIMIZER` is their order.

pub mod checks;
pub mod dead_store;
pub mod forward;
pub mod gvn;
pub mod inline;
pub mod licm;
