//! The optimizer's passes, one file each. `pipeline::OPTIMIZER` is their order.

pub mod checks;
pub mod inline;
pub mod licm;
pub mod ranges;
pub mod rotate;
