//! Structured control: frames, branches, joins.

use super::{Builder, Snapshot, WORK_MAX};
use crate::error::CompileError;
use crate::faults;
use crate::module::{FuncType, ValType};
use rustc_hash::FxHashMap;
use synth_validator::ir::{Block, Edge, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;
use wasmparser::{BlockType, FunctionBody, Operator};

/// An edge to a label whose block does not exist yet.
struct Incoming {
    /// Where the edge is: block and position in its terminator.
    block: Block,
    slot: usize,
    /// Values that the label takes from the stack.
    args: Values,
    /// Locals changed since the label's start, with their values.
    changes: Vec<(u32, Value)>,
}

enum Kind {
    Function,
    Block,
    /// The edge to the else arm and the parameters, until `else` is met.
    If {
        block: Block,
        params: Values,
    },
    Loop {
        header: Block,
        locals: Vec<u32>,
    },
}

/// An open block, loop or if.
pub(super) struct Frame {
    kind: Kind,
    /// Operands below the frame's own.
    height: usize,
    /// Values that a branch to the label takes.
    label_arity: usize,
    results: Vec<Type>,
    /// Length of the log of changes at the start.
    pub(super) log: usize,
    incoming: Vec<Incoming>,
}

impl Frame {
    pub(super) fn function(results: Vec<Type>) -> Frame {
        Frame { kind: Kind::Function, height: 0, label_arity: results.len(), results, log: 0, incoming: Vec::new() }
    }
}

/// The edge in a position of a terminator.
fn edge_mut(end: &mut Terminator, slot: usize) -> Option<&mut Edge> {
    match end {
        Terminator::Jump(edge) => Some(edge),
        Terminator::Branch(_, yes, no) => Some(if slot == 0 { yes } else { no }),
        Terminator::Switch(_, edges, default) => edges.get_mut(slot).or(Some(default)),
        Terminator::Return(_) | Terminator::Trap(_) => None,
    }
}

/// An edge whose target is set when its label ends.
fn pending() -> Edge {
    Edge { block: Block(u32::MAX), args: Values::new() }
}

/// The locals that each loop assigns, by the offset of its operator. `None` if the work limit is exceeded.
pub(super) fn assigned_in_loops(body: &FunctionBody<'_>, work: &mut u64) -> Option<FxHashMap<u32, Vec<u32>>> {
    let mut loops = FxHashMap::default();
    let mut open: Vec<(Option<u32>, Vec<u32>)> = vec![(None, Vec::new())];
    let mut reader = body.get_operators_reader().ok()?;
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset().ok()?;
        match operator {
            // Other frames hand their list on to the frame around them.
            Operator::Block { .. } | Operator::If { .. } => open.push((None, Vec::new())),
            Operator::Loop { .. } => open.push((Some(offset as u32), Vec::new())),
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                open.last_mut()?.1.push(local_index);
            }
            Operator::End => {
                let (at, mut locals) = open.pop()?;
                locals.sort_unstable();
                locals.dedup();
                *work += 1 + locals.len() as u64;
                if *work > WORK_MAX {
                    return None;
                }
                match open.last_mut() {
                    Some(around) if around.1.is_empty() && at.is_none() => around.1 = locals,
                    Some(around) => {
                        around.1.extend_from_slice(&locals);
                        at.map(|at| loops.insert(at, locals));
                    }
                    None => {}
                }
            }
            Operator::TryTable { .. } | Operator::Try { .. } => open.push((None, Vec::new())),
            _ => {}
        }
    }
    Some(loops)
}

impl Builder<'_> {
    /// Translates a control operator; false if it is none.
    pub(super) fn control(&mut self, operator: &Operator<'_>) -> Result<bool, CompileError> {
        match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                if self.reachable {
                    self.open(operator, *blockty)?;
                } else {
                    self.skipped += 1;
                }
            }
            Operator::TryTable { .. } | Operator::Try { .. } if !self.reachable => self.skipped += 1,
            Operator::Else if self.skipped == 0 => self.otherwise()?,
            Operator::End if self.skipped == 0 => self.close()?,
            Operator::End => self.skipped -= 1,
            Operator::Else => {}
            _ if !self.reachable => {}
            Operator::Br { relative_depth } => {
                let edge = self.branch(*relative_depth, 0)?;
                match edge {
                    Some(edge) => self.end(Terminator::Jump(edge)),
                    None => self.give_back(),
                }
            }
            Operator::BrIf { relative_depth } => {
                let condition = self.pop();
                let yes = self.branch_or_return(*relative_depth, 0)?;
                let next = self.new_block();
                self.end(Terminator::Branch(condition, yes, Edge { block: next, args: Values::new() }));
                self.enter(next);
            }
            Operator::BrTable { targets } => self.table(targets)?,
            Operator::Return => self.give_back(),
            Operator::Unreachable => self.end(Terminator::Trap(TrapKind::Unreachable)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Ends the current block by returning what is on the stack.
    fn give_back(&mut self) {
        let values = self.top(self.func.results.len());
        self.end(Terminator::Return(values));
    }

    /// The topmost operands.
    fn top(&self, count: usize) -> Values {
        self.stack[self.stack.len() - count..].into()
    }

    fn block_type(&self, ty: BlockType) -> Result<(Vec<Type>, Vec<Type>), CompileError> {
        let ints = |ty: &FuncType| Ok((ty.int_params()?, ty.int_results()?));
        match ty {
            BlockType::Empty => Ok((Vec::new(), Vec::new())),
            BlockType::FuncType(index) => ints(&self.module.types[index as usize]),
            BlockType::Type(ty) => match ValType::from(ty) {
                ValType::Int(ty) | ValType::Float(ty) => Ok((Vec::new(), vec![ty])),
                ValType::Other(name) => Err(name),
            },
        }
        .map_err(|name: &'static str| self.unsupported(name))
    }

    fn open(&mut self, operator: &Operator<'_>, ty: BlockType) -> Result<(), CompileError> {
        let (params, results) = self.block_type(ty)?;
        let (kind, label_arity) = match operator {
            Operator::Loop { .. } => (self.open_loop(&params)?, params.len()),
            Operator::If { .. } => {
                let condition = self.pop();
                let (block, then) = (self.block, self.new_block());
                self.end(Terminator::Branch(condition, Edge { block: then, args: Values::new() }, pending()));
                self.enter(then);
                (Kind::If { block, params: self.top(params.len()) }, results.len())
            }
            _ => (Kind::Block, results.len()),
        };
        let (height, log) = (self.stack.len() - params.len(), self.log.len());
        self.frames.push(Frame { kind, height, label_arity, results, log, incoming: Vec::new() });
        Ok(())
    }

    /// Makes a loop's header, with a parameter for each operand that it takes and each local that it assigns.
    fn open_loop(&mut self, params: &[Type]) -> Result<Kind, CompileError> {
        let mut locals = self.assigned.remove(&self.origin).unwrap_or_default();
        locals.truncate(locals.len().saturating_sub(faults::on("build-loop-locals").into()));
        let header = self.new_block();
        let args = self.loop_args(params.len(), &locals)?;
        let types: Vec<Type> = args.iter().map(|a| self.func.type_of(*a)).collect();
        self.end(Terminator::Jump(Edge { block: header, args }));
        self.enter(header);
        let values: Values = types.iter().map(|t| self.func.value(*t)).collect();
        self.func.blocks[header.0 as usize].params = values.clone();
        let below = self.stack.len() - params.len();
        self.stack.truncate(below);
        self.stack.extend_from_slice(&values[..params.len()]);
        for (local, v) in locals.iter().zip(&values[params.len()..]) {
            self.set_local(*local, *v);
        }
        self.snapshot()?;
        Ok(Kind::Loop { header, locals })
    }

    /// Arguments of an edge to a loop header.
    fn loop_args(&mut self, params: usize, locals: &[u32]) -> Result<Values, CompileError> {
        self.spend(params + locals.len())?;
        let mut args = self.top(params);
        args.extend(locals.iter().map(|l| self.env[*l as usize]));
        Ok(args)
    }

    /// Remembers the state at the start of the current block, before the operator at `next`.
    fn snapshot(&mut self) -> Result<(), CompileError> {
        self.spend(self.env.len() + self.stack.len())?;
        let (locals, stack) = (self.env.clone(), self.stack.clone());
        self.snapshots.push(Snapshot { block: self.block, at: self.next, locals, stack });
        Ok(())
    }

    /// The edge to a label from the given position of the current block's terminator. `None` for the function's label.
    fn branch(&mut self, depth: u32, slot: usize) -> Result<Option<Edge>, CompileError> {
        let i = self.frames.len() - 1 - depth as usize;
        let arity = self.frames[i].label_arity;
        match &self.frames[i].kind {
            Kind::Function => Ok(None),
            Kind::Loop { header, locals } => {
                let (block, locals) = (*header, locals.clone());
                let args = self.loop_args(arity, &locals)?;
                Ok(Some(Edge { block, args }))
            }
            Kind::Block | Kind::If { .. } => {
                let changes = self.changes_since(self.frames[i].log)?;
                let args = self.top(arity);
                self.frames[i].incoming.push(Incoming { block: self.block, slot, args, changes });
                Ok(Some(pending()))
            }
        }
    }

    /// As [`Self::branch`], with a block that returns for the function's label.
    fn branch_or_return(&mut self, depth: u32, slot: usize) -> Result<Edge, CompileError> {
        if let Some(edge) = self.branch(depth, slot)? {
            return Ok(edge);
        }
        let block = self.new_block();
        self.func.blocks[block.0 as usize].end = Terminator::Return(self.top(self.func.results.len()));
        Ok(Edge { block, args: Values::new() })
    }

    /// The locals changed after a position of the log, each once, with their current values.
    fn changes_since(&mut self, log: usize) -> Result<Vec<(u32, Value)>, CompileError> {
        let mut locals: Vec<u32> = self.log[log..].iter().map(|c| c.0).collect();
        self.spend(1 + locals.len())?;
        locals.sort_unstable();
        locals.dedup();
        Ok(locals.into_iter().map(|l| (l, self.env[l as usize])).collect())
    }

    fn table(&mut self, targets: &wasmparser::BrTable<'_>) -> Result<(), CompileError> {
        let index = self.pop();
        let mut edges = Vec::new();
        for depth in targets.targets() {
            let edge = self.branch_or_return(depth?, edges.len())?;
            edges.push(edge);
        }
        let default = self.branch_or_return(targets.default(), edges.len())?;
        // A switch without cases is a jump; its edge has the same position.
        let end = if edges.is_empty() { Terminator::Jump(default) } else { Terminator::Switch(index, edges, default) };
        self.end(end);
        Ok(())
    }

    /// Adds the fall-through edge to the label of the innermost frame.
    fn fall_through(&mut self) -> Result<(), CompileError> {
        if self.reachable
            && let Some(edge) = self.branch(0, 0)?
        {
            self.end(Terminator::Jump(edge));
        }
        Ok(())
    }

    fn otherwise(&mut self) -> Result<(), CompileError> {
        self.fall_through()?;
        let block = self.new_block();
        let frame = self.frames.last_mut().expect("invariant: the module is valid");
        let Kind::If { block: from, params } = std::mem::replace(&mut frame.kind, Kind::Block) else {
            return Err(self.unsupported("else outside of if"));
        };
        let (height, log) = (frame.height, frame.log);
        self.stack.truncate(height);
        self.stack.extend(params);
        self.undo(log);
        self.patch(from, 1, Edge { block, args: Values::new() });
        self.enter(block);
        Ok(())
    }

    fn patch(&mut self, block: Block, slot: usize, edge: Edge) {
        let end = &mut self.func.blocks[block.0 as usize].end;
        *edge_mut(end, slot).expect("invariant: the terminator has this edge") = edge;
    }

    /// Ends the innermost frame.
    fn close(&mut self) -> Result<(), CompileError> {
        let frame = self.frames.last_mut().expect("invariant: the module is valid");
        if let Kind::If { block, params } = &mut frame.kind {
            let (block, args) = (*block, std::mem::take(params));
            frame.incoming.push(Incoming { block, slot: 1, args, changes: Vec::new() });
        }
        match frame.kind {
            Kind::Function => {
                if self.reachable {
                    self.give_back();
                }
                return Ok(());
            }
            Kind::Loop { .. } => {}
            Kind::Block | Kind::If { .. } if frame.incoming.is_empty() => {}
            Kind::Block | Kind::If { .. } => {
                self.fall_through()?;
                let frame = self.frames.pop().expect("invariant: the module is valid");
                return self.join(frame);
            }
        }
        // Nothing branches to the end: execution goes on in the same block, if at all.
        let frame = self.frames.pop().expect("invariant: the module is valid");
        if !self.reachable {
            self.undo(frame.log);
        }
        Ok(())
    }

    /// Makes the block at the end of a frame to which edges lead.
    fn join(&mut self, frame: Frame) -> Result<(), CompileError> {
        self.undo(frame.log);
        let block = self.new_block();
        self.enter(block);
        let merged = self.merge(&frame)?;
        let single = frame.incoming.len() == 1;
        let differing: Vec<u32> = merged.iter().filter(|m| m.1.is_none()).map(|m| m.0).collect();
        self.spend(frame.incoming.len() * (frame.results.len() + differing.len()))?;
        let before: Vec<Value> = differing.iter().map(|l| self.env[*l as usize]).collect();
        self.stack.truncate(frame.height);
        for (i, ty) in frame.results.iter().enumerate() {
            let v = if single { frame.incoming[0].args[i] } else { self.param(block, *ty) };
            self.stack.push(v);
        }
        for (local, value) in merged {
            let v = match value {
                Some(v) => v,
                None => self.param(block, self.local_types[local as usize]),
            };
            self.set_local(local, v);
        }
        let positions: FxHashMap<u32, usize> = differing.iter().enumerate().map(|(i, l)| (*l, i)).collect();
        for incoming in frame.incoming {
            let mut locals = before.clone();
            for (local, v) in incoming.changes {
                if let Some(i) = positions.get(&local) {
                    locals[*i] = v;
                }
            }
            let mut args = if single { Values::new() } else { incoming.args };
            args.extend(locals);
            self.patch(incoming.block, incoming.slot, Edge { block, args });
        }
        if !single {
            self.snapshot()?;
        }
        Ok(())
    }

    fn param(&mut self, block: Block, ty: Type) -> Value {
        let v = self.func.value(ty);
        self.func.blocks[block.0 as usize].params.push(v);
        v
    }

    /// The locals that any edge changed, each with its value if that is the same on all edges, in index order.
    fn merge(&mut self, frame: &Frame) -> Result<Vec<(u32, Option<Value>)>, CompileError> {
        let mut all: Vec<(u32, Value)> = frame.incoming.iter().flat_map(|i| i.changes.iter().copied()).collect();
        self.spend(all.len())?;
        all.sort_unstable();
        let mut merged = Vec::new();
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let (local, v) = group[0];
            let everywhere =
                faults::on("build-one-path") || group.len() == frame.incoming.len() || self.env[local as usize] == v;
            let same = everywhere && group.iter().all(|g| g.1 == v);
            merged.push((local, same.then_some(v)));
        }
        Ok(merged)
    }
}
