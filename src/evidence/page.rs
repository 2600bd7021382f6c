//! HTML pages of evidence: one look for all packages. Pages are static, hold their style and script, load nothing, and are a function
//! of what they show.
//!
//! A page's template extends `base.html`, which has the head, the navigation, the first screen's answer ([`State`]) and the footer;
//! `parts.html` has macros for verdicts, filters over tables and figures. Every value is escaped unless the template says `safe`.

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use serde::Serialize;

/// Templates that every page may use, by name.
const SHARED: [(&str, &str); 4] = [
    ("base.html", include_str!("templates/base.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("style.css", include_str!("templates/style.css")),
    ("script.js", include_str!("templates/script.js")),
];

/// What the first screen answers.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// Whether everything is as it has to be. Pages and exit codes follow it.
    pub ok: bool,
    /// The answer in a sentence.
    pub headline: String,
    /// Why it is not as it has to be: one sentence each. Empty only if `ok`.
    pub reasons: Vec<String>,
    /// What a reader has to know beside the answer.
    pub notes: Vec<String>,
}

/// A link of the navigation.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// Where it leads, relative to the page.
    pub href: String,
    /// Its text.
    pub text: String,
    /// Whether it leads to the page that it is on.
    pub current: bool,
}

/// The navigation of the page at `here`: links to `pages` (path in the package, text), relative to it.
pub fn navigation(pages: &[(&str, &str)], here: &str) -> Vec<Link> {
    let up = "../".repeat(here.matches('/').count());
    let link = |&(path, text): &(&str, &str)| Link {
        href: format!("{up}{path}"),
        text: text.to_string(),
        current: path == here,
    };
    pages.iter().map(link).collect()
}

/// Renders pages from templates.
pub struct Pages {
    environment: Environment<'static>,
}

impl Pages {
    /// The shared templates and those of `own` (name, source). Names decide escaping: `.html` escapes, everything else does not.
    ///
    /// # Panics
    /// If a template is malformed: templates are part of the program.
    pub fn new(own: &[(&'static str, &'static str)]) -> Pages {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).build();
        environment.set_syntax(syntax.expect("invariant: no delimiters are set"));
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
        for (name, source) in SHARED.iter().chain(own) {
            let added = environment.add_template(name, source);
            added.unwrap_or_else(|e| panic!("invariant: templates are well formed: {e:#}"));
        }
        environment.add_global("version", env!("CARGO_PKG_VERSION"));
        environment.add_filter("hex", |n: u64| format!("{n:#x}"));
        environment.add_filter("truncate_text", |text: String, most: usize| match text.char_indices().nth(most) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        });
        environment.add_filter("short", |digest: String| digest.chars().take(12).collect::<String>());
        Pages { environment }
    }

    /// The page that a template makes of a value. `base.html` reads its fields `title`, `nav` (list of [`Link`]) and `state`
    /// ([`State`] or nothing).
    ///
    /// # Panics
    /// If the template names a field that the value does not have: both are part of the program.
    pub fn render(&self, template: &str, value: &impl Serialize) -> String {
        let template = self.environment.get_template(template);
        let rendered = template.and_then(|t| t.render(minijinja::value::Serde(value)));
        let mut page = rendered.unwrap_or_else(|e| panic!("invariant: templates fit their values: {e:#}"));
        page.push('\n');
        page
    }
}
