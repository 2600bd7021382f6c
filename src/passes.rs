//! The optimizer's passes, one file each. `pipeline::OPTIMIZER` is their order.

pub mod carriers;
pub mod checks;
pub mod dead_params;
pub mod inline;
pub mod licm;
