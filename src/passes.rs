//! The optimizer's passes, one file each. `pipeline::OPTIMIZER` is their order.

pub mod carriers;
pub mod checks;
pub mod dead_params;
pub mod dead_store;
pub mod ends;
pub mod forward;
pub mod gvn;
pub mod if_convert;
pub mod induction;
pub mod inline;
pub mod licm;
pub mod merge;
pub mod ranges;
pub mod rewrite;
pub mod rotate;
pub mod sccp;
