//! Reading, checking and running an object: `data/sample.o`, written by hand for `data/sample.wat`.

use synth_validator::arm::image::check_image;
use synth_validator::arm::machine::Machine;
use synth_validator::arm::object::{ObjectFile, read};
use synth_validator::concrete::{Bytes, Concrete, mix};
use synth_validator::contract::{Bounds, Contract, MemoryOwner};
use synth_validator::domain::{BinOp, Domain, Symbol};
use synth_validator::program::World;
use synth_validator::term::Graph;
use synth_validator::wasm::instance::{Host, Instance, Stop};
use synth_validator::wasm::module::{ImportName, Module};

const OBJECT: &[u8] = include_bytes!("data/sample.o");
static CONTRACT: Contract = Contract::new(Bounds::Software, MemoryOwner::Own, 65536);

fn wasm() -> (Vec<u8>, Module) {
    let bytes = wat::parse_str(include_str!("data/sample.wat")).expect("wat");
    let module = synth_validator::wasm::reader::read(&bytes).expect("module");
    (bytes, module)
}

/// A host that writes what it is given to memory and returns a function of it.
#[derive(Default)]
struct Log(Vec<u32>);

impl Host for Log {
    fn call(
        &mut self,
        import: &ImportName,
        _: u32,
        args: &[u32],
        _: &mut World<Concrete>,
        memory: &mut Bytes,
    ) -> Result<Vec<u32>, Stop> {
        assert_eq!(import.field, "log");
        self.0.extend(args);
        memory.set(100, args[0] as u8);
        Ok(vec![mix(args[0])])
    }
}

/// Covers TOR-CLAUSE-IMAGE.
#[test]
fn image_is_that_of_the_module() {
    let (bytes, module) = wasm();
    let object = read(OBJECT, &module).expect("object");
    assert_eq!(object.functions.len(), 8);
    assert_eq!(check_image(&module, &bytes, &object, &CONTRACT), vec![]);
}

/// The image with one change has a fault that names `what`.
fn faulty(what: &str, change: impl FnOnce(&mut ObjectFile)) {
    let (bytes, module) = wasm();
    let mut object = read(OBJECT, &module).expect("object");
    change(&mut object);
    let faults = check_image(&module, &bytes, &object, &CONTRACT);
    assert!(faults.iter().any(|f| f.what == what), "{what}: {faults:?}");
}

/// Covers TOR-CLAUSE-IMAGE, TOR-CLAUSE-EXPORTS, TOR-CLAUSE-INIT.
#[test]
fn changed_images_have_faults() {
    let data = |o: &mut ObjectFile, s: Symbol, at: usize| o.data.get_mut(&s).expect("data").bytes[at] ^= 1;
    faulty("__linear_memory_base", |o| data(o, Symbol::Memory, 17));
    faulty("__linear_memory_base", |o| data(o, Symbol::Memory, 60000));
    faulty("__linear_memory_base", |o| o.data.get_mut(&Symbol::Memory).expect("data").size -= 8);
    faulty("__linear_memory_base", |o| o.data.get_mut(&Symbol::Memory).expect("data").align = 4);
    faulty("__synth_memory_bytes", |o| data(o, Symbol::MemoryBytes, 2));
    faulty("__synth_globals", |o| data(o, Symbol::Globals, 7));
    faulty("__synth_table0", |o| data(o, Symbol::Table(0), 0));
    faulty("__synth_table0", |o| data(o, Symbol::Table(0), 12));
    faulty("__synth_table0", |o| {
        o.data.get_mut(&Symbol::Table(0)).expect("data").relocations.remove(&12);
    });
    faulty("inc", |o| {
        let other = o.exports["load"];
        o.exports.insert("inc".to_string(), other);
    });
    faulty("div", |o| {
        o.exports.remove("div");
    });
    faulty("logout", |o| o.extras.iter_mut().for_each(|e| e.code.relocations.clear()));
    faulty("__synth_instance_init", |o| o.extras.retain(|e| e.name != "__synth_instance_init"));
    faulty("__synth_instance_init", |o| {
        let logout = o.extras.iter().find(|e| e.name == "logout").expect("thunk").code.clone();
        o.extras.iter_mut().for_each(|e| e.code = logout.clone());
    });
}

/// What terms take of an address, the check of the image asks of it.
///
/// Covers TOR-CLAUSE-IMAGE.
#[test]
fn addresses_are_as_aligned_as_terms_take_them_to_be() {
    let (_, module) = wasm();
    let object = read(OBJECT, &module).expect("object");
    for (symbol, data) in &object.data {
        let mut graph = Graph::new();
        let address = graph.symbol(*symbol);
        let mut is_multiple = |of: u32| {
            let low = graph.bin_const(BinOp::And, &address, of - 1);
            graph.constant(low) == Some(0)
        };
        let taken = (1..16).map(|bit| 1 << bit).take_while(|of| is_multiple(*of)).last();
        let Some(taken) = taken else { continue };
        assert!(data.align >= taken, "{symbol:?} is {}-aligned, not {taken}", data.align);
        let (bytes, module) = wasm();
        let mut other = read(OBJECT, &module).expect("object");
        other.data.get_mut(symbol).expect("data").align = taken / 2;
        assert_ne!(check_image(&module, &bytes, &other, &CONTRACT), vec![], "{symbol:?} {taken}");
    }
}

#[test]
fn machine_and_module_agree() {
    let (bytes, module) = wasm();
    let object = read(OBJECT, &module).expect("object");
    let mut right = Machine::new(&module, &object, CONTRACT.clone(), Log::default(), 1_000_000).expect("start");
    let mut left = Instance::new(&module, &bytes, CONTRACT.clone(), Log::default(), 1_000_000).expect("start");
    assert_eq!(left.cells(), right.cells());
    let calls: &[(&str, &[u32])] = &[
        ("inc", &[41]),
        ("inc", &[u32::MAX]),
        ("load", &[12]),
        ("load", &[65528]),
        ("load", &[65529]),
        ("load", &[u32::MAX - 2]),
        ("twice", &[5]),
        ("via", &[7, 1]),
        ("via", &[7, 2]),
        ("via", &[7, 0]),
        ("via", &[7, 3]),
        ("high", &[]),
        ("div", &[9, 1, 2, 0]),
        ("div", &[9, 1, 0, 0]),
        ("div", &[3, u32::MAX, 0, 1]),
        ("fill", &[65530, 0x1ff, 6]),
        ("fill", &[65531, 1, 6]),
        ("fill", &[0, 1, 0]),
        ("logout", &[77]),
    ];
    for (name, args) in calls {
        assert_eq!(left.invoke(name, args), right.invoke(name, args), "{name} {args:?}");
        assert_eq!(left.memory_bytes(), right.memory_bytes());
        let same = (0..65536).all(|i| left.memory().get(i) == right.memory().get(i));
        assert!(same, "memory after {name} {args:?}");
    }
    assert_eq!(left.host.0, right.host.0);
}

/// Covers TOR-INPUT-OBJECT, TOR-INPUT-NOPANIC.
#[test]
fn broken_files_are_refused_without_panic() {
    let (bytes, module) = wasm();
    for length in (0..OBJECT.len()).step_by(997) {
        assert!(read(&OBJECT[..length], &module).is_err());
    }
    let interesting = (0..0x400).chain(OBJECT.len() - 0x900..OBJECT.len());
    for at in interesting {
        for bit in [0, 3, 7] {
            let mut object = OBJECT.to_vec();
            object[at] ^= 1 << bit;
            if let Ok(object) = read(&object, &module) {
                check_image(&module, &bytes, &object, &CONTRACT);
            }
        }
    }
}
