//! The bill of materials: what is linked into the program, as CycloneDX, and its licences by SPDX expression.
//!
//! Packages and their dependencies come from `cargo metadata`, digests from `Cargo.lock`. Listed as required is what the program links;
//! procedural macros and build dependencies are listed as excluded: they run when it is built. The result has neither a random serial
//! number nor a date, so that it repeats.

use cyclonedx_bom::models::bom::{Bom, SpecVersion};
use cyclonedx_bom::models::component::{Classification, Component, Components, Scope};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::validation::Validate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What `cargo metadata` says, as far as it is needed.
#[derive(Deserialize)]
struct Cargo {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
    root: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dep>,
}

#[derive(Deserialize)]
struct Dep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

/// What `Cargo.lock` says, as far as it is needed.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// A package of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// SPDX expression, if the package has one.
    pub licence: Option<String>,
    /// SHA-256 of the published archive; absent for packages of this repository and for the system's libraries.
    pub sha256: Option<String>,
    /// Whether it is linked into the program; otherwise it runs when the program is built.
    pub is_linked: bool,
    /// Packages that it depends on: name and version.
    pub needs: Vec<String>,
}

impl Part {
    /// Name and version.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// Reads the parts of the program from the output of `cargo metadata` and from `Cargo.lock`; `solver` is the version of the system's z3.
///
/// # Errors
/// What cannot be understood.
pub fn parts(metadata: &[u8], lock: &str, solver: &str) -> Result<Vec<Part>, String> {
    let cargo: Cargo = serde_json::from_slice(metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    let lock: Lock = toml::from_str(lock).map_err(|e| format!("Cargo.lock: {e}"))?;
    let root = cargo.resolve.root.ok_or("cargo metadata names no root package")?;
    let packages: BTreeMap<&str, &Package> = cargo.packages.iter().map(|p| (p.id.as_str(), p)).collect();
    let nodes: BTreeMap<&str, &Node> = cargo.resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
    let is_macro =
        |id: &str| packages.get(id).is_some_and(|p| p.targets.iter().any(|t| t.kind.iter().any(|k| k == "proc-macro")));
    // First what is linked, then what else is needed to build that.
    let mut linked = BTreeSet::new();
    let mut built = BTreeSet::new();
    let mut work = vec![(root.as_str(), true)];
    while let Some((id, links)) = work.pop() {
        let links = links && !is_macro(id);
        let new = if links { linked.insert(id) } else { built.insert(id) };
        let Some(node) = nodes.get(id).filter(|_| new) else { continue };
        for dep in &node.deps {
            let kinds = || dep.dep_kinds.iter().map(|k| k.kind.as_deref());
            if kinds().any(|k| k.is_none()) {
                work.push((&dep.pkg, links));
            }
            if kinds().any(|k| k == Some("build")) {
                work.push((&dep.pkg, false));
            }
        }
    }
    let id_of = |id: &str| packages.get(id).map(|p| format!("{}@{}", p.name, p.version));
    let mut parts = Vec::new();
    for id in linked.union(&built) {
        let package = packages.get(id).ok_or_else(|| format!("cargo metadata has no package {id}"))?;
        let locked = lock.package.iter().find(|l| l.name == package.name && l.version == package.version);
        let locked = locked.ok_or_else(|| format!("Cargo.lock has no {} {}", package.name, package.version))?;
        if package.source.is_some() != locked.checksum.is_some() {
            return Err(format!("{} {} has no digest in Cargo.lock", package.name, package.version));
        }
        let needed = nodes.get(id).map(|n| n.deps.as_slice()).unwrap_or_default();
        let not_dev = needed.iter().filter(|d| d.dep_kinds.iter().any(|k| k.kind.as_deref() != Some("dev")));
        let mut needs: Vec<String> = not_dev.filter_map(|d| id_of(&d.pkg)).collect();
        needs.sort();
        parts.push(Part {
            name: package.name.clone(),
            version: package.version.clone(),
            // Older manifests write `MIT/Apache-2.0`.
            licence: package.license.as_ref().map(|l| l.replace('/', " OR ")),
            sha256: locked.checksum.clone(),
            is_linked: linked.contains(id),
            needs,
        });
    }
    parts.push(Part {
        name: "libz3".to_string(),
        version: solver.to_string(),
        licence: Some("MIT".to_string()),
        sha256: None,
        is_linked: true,
        needs: Vec::new(),
    });
    parts.sort_by_key(Part::id);
    Ok(parts)
}

/// The bill of materials as CycloneDX 1.5 in JSON. `program` is the digest of the program.
///
/// # Errors
/// What is wrong with it by CycloneDX's own rules, such as a licence that is no SPDX expression.
pub fn cyclonedx(parts: &[Part], program_sha256: &str) -> Result<String, String> {
    let hash =
        |digest: &str| Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(digest.to_string()) }]);
    let component = |part: &Part| {
        let mut component = Component::new(Classification::Library, &part.name, &part.version, Some(part.id()));
        component.scope = Some(if part.is_linked { Scope::Required } else { Scope::Excluded });
        component.licenses = part.licence.as_ref().map(|l| Licenses(vec![LicenseChoice::expression(l)]));
        component.hashes = part.sha256.as_deref().map(hash);
        component
    };
    let (own, others): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|p| p.name == env!("CARGO_PKG_NAME"));
    let mut metadata = Metadata::default();
    metadata.component = own.first().map(|part| {
        let mut program = component(part);
        program.component_type = Classification::Application;
        program.scope = None;
        program.hashes = Some(hash(program_sha256));
        program
    });
    let mut bom = Bom { version: 1, serial_number: None, spec_version: SpecVersion::V1_5, ..Bom::default() };
    bom.metadata = Some(metadata);
    bom.components = Some(Components(others.into_iter().map(component).collect()));
    let known: BTreeSet<String> = parts.iter().map(Part::id).collect();
    let dependency = |part: &Part| {
        let mut dependencies: Vec<String> = part.needs.iter().filter(|n| known.contains(*n)).cloned().collect();
        if part.name == "z3-sys" {
            dependencies.extend(known.iter().find(|k| k.starts_with("libz3@")).cloned());
        }
        Dependency { dependency_ref: part.id(), dependencies }
    };
    bom.dependencies = Some(Dependencies(parts.iter().map(dependency).collect()));
    let wrong = bom.validate_version(SpecVersion::V1_5);
    if !wrong.passed() {
        return Err(format!("the bill of materials is not as CycloneDX 1.5 demands: {wrong:?}"));
    }
    let mut json = Vec::new();
    bom.output_as_json_v1_5(&mut json).map_err(|e| e.to_string())?;
    String::from_utf8(json).map(|text| text + "\n").map_err(|e| e.to_string())
}

/// The licences of what is linked: SPDX expression, packages.
pub fn licences(parts: &[Part]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts.iter().filter(|p| p.is_linked) {
        let licence = part.licence.clone().unwrap_or_else(|| "NOASSERTION".to_string());
        found.entry(licence).or_default().push(part.id());
    }
    found
}
