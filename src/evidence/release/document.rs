//! Pages as data: sections with sentences, tables, figures. One template renders all of them.

use crate::evidence::page::{Link, State};
use serde::Serialize;

/// A page.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Document {
    /// Title.
    pub title: String,
    /// Links to the pages of the package.
    pub nav: Vec<Link>,
    /// The answer of the first screen.
    pub state: Option<State>,
    /// Sections in order.
    pub sections: Vec<Section>,
}

/// A section.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Section {
    /// Its anchor.
    pub id: String,
    /// Its heading.
    pub heading: String,
    /// Paragraphs.
    pub text: Vec<String>,
    /// A picture as SVG, and its caption.
    pub figure: Option<(String, String)>,
    /// A table.
    pub table: Option<Table>,
}

impl Section {
    /// A section with paragraphs.
    pub fn new(id: &str, heading: &str, text: &[&str]) -> Section {
        let text = text.iter().map(|t| t.to_string()).collect();
        Section { id: id.to_string(), heading: heading.to_string(), text, ..Section::default() }
    }
    /// Adds a table.
    pub fn with(mut self, table: Table) -> Section {
        self.table = Some(table);
        self
    }
    /// Adds a picture.
    pub fn picture(mut self, svg: String, caption: &str) -> Section {
        self.figure = Some((svg, caption.to_string())).filter(|(svg, _)| !svg.is_empty());
        self
    }
}

/// A table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// Its anchor.
    pub id: String,
    /// What it is.
    pub caption: String,
    /// Heads of the columns.
    pub head: Vec<String>,
    /// Columns with numbers, from 0.
    pub numbers: Vec<usize>,
    /// Values by which rows can be chosen, if there are any.
    pub choices: Vec<String>,
    /// Rows.
    pub rows: Vec<Row>,
}

impl Table {
    /// A table without rows. Heads that begin with `#` are those of columns with numbers.
    pub fn new(id: &str, caption: &str, head: &[&str]) -> Table {
        let is_number = |h: &&str| h.starts_with('#');
        let numbers = head.iter().enumerate().filter(|(_, h)| is_number(h)).map(|(i, _)| i).collect();
        let head = head.iter().map(|h| h.trim_start_matches('#').to_string()).collect();
        Table { id: id.to_string(), caption: caption.to_string(), head, numbers, ..Table::default() }
    }
    /// Adds a row that can be linked to by `id` and chosen by `choice`, if these are not empty.
    pub fn row(&mut self, id: &str, choice: &str, cells: Vec<Cell>) {
        if !choice.is_empty() && !self.choices.iter().any(|c| c == choice) {
            self.choices.push(choice.to_string());
            self.choices.sort();
        }
        self.rows.push(Row { id: id.to_string(), choice: choice.to_string(), cells });
    }
}

/// A row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its anchor, or nothing.
    pub id: String,
    /// What it is chosen by, or nothing.
    pub choice: String,
    /// Cells.
    pub cells: Vec<Cell>,
}

/// How a cell is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// As text.
    Plain,
    /// As code.
    Code,
    /// As a verdict.
    Verdict,
}

/// A cell: pieces of text, each perhaps with a link.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// Pieces: text, address or nothing.
    pub parts: Vec<(String, String)>,
    /// How it is shown.
    pub look: Look,
}

/// A cell with text.
pub fn text(text: impl ToString) -> Cell {
    Cell { parts: vec![(text.to_string(), String::new())], look: Look::Plain }
}

/// A cell with code.
pub fn code(text: impl ToString) -> Cell {
    Cell { parts: vec![(text.to_string(), String::new())], look: Look::Code }
}

/// A cell with a verdict.
pub fn verdict(name: impl ToString) -> Cell {
    Cell { parts: vec![(name.to_string(), String::new())], look: Look::Verdict }
}

/// A cell with a link.
pub fn link(text: impl ToString, to: impl ToString) -> Cell {
    Cell { parts: vec![(text.to_string(), to.to_string())], look: Look::Plain }
}

/// A cell with several links.
pub fn links(parts: Vec<(String, String)>) -> Cell {
    Cell { parts, look: Look::Plain }
}
