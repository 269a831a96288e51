//! A clean page as Markdown, or as text alone.

use std::rc::Rc;

use htmd::HtmlToMarkdown;
use htmd::options::{BulletListMarker, HrStyle, Options};
use markup5ever_rcdom::{Node, NodeData};

use crate::clean;

/// Elements that begin a line of their own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

pub fn markdown(root: &Rc<Node>) -> String {
    let converter = HtmlToMarkdown::builder()
        .options(Options {
            bullet_list_marker: BulletListMarker::Dash,
            ul_bullet_spacing: 1,
            ol_number_spacing: 1,
            hr_style: HrStyle::Dashes,
            ..Options::default()
        })
        .build();
    squeeze(&converter.tree_to_markdown(root))
}

enum Step {
    Open(Rc<Node>, bool),
    Line,
    Cell,
}

pub fn plain(root: &Rc<Node>) -> String {
    let mut text = String::new();
    let mut steps = vec![Step::Open(root.clone(), false)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Line => end_line(&mut text),
            Step::Cell => text.push('\t'),
            Step::Open(node, is_pre) => {
                if let NodeData::Text { contents } = &node.data {
                    put(&mut text, &contents.borrow(), is_pre);
                }
                let name = clean::name_of(&node).unwrap_or_default();
                let is_block = BLOCKS.contains(&name);
                if is_block {
                    end_line(&mut text);
                    steps.push(Step::Line);
                }
                if matches!(name, "td" | "th") {
                    steps.push(Step::Cell);
                }
                let is_pre = is_pre || name == "pre";
                let children = node.children.borrow();
                steps.extend(
                    children
                        .iter()
                        .rev()
                        .map(|child| Step::Open(child.clone(), is_pre)),
                );
            }
        }
    }
    squeeze(&text)
}

fn put(text: &mut String, more: &str, is_pre: bool) {
    if is_pre {
        text.push_str(more);
        return;
    }
    for c in more.chars() {
        if !c.is_whitespace() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with(char::is_whitespace) {
            text.push(' ');
        }
    }
}

fn end_line(text: &mut String) {
    let end = text.trim_end_matches([' ', '\t']).len();
    text.truncate(end);
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
}

/// At most one empty line in a row, no blanks at line ends but Markdown's two.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        if line.trim().is_empty() {
            empty += 1;
            continue;
        }
        if empty > 0 && !out.is_empty() {
            out.push('\n');
        }
        empty = 0;
        let kept = line.trim_end();
        out.push_str(kept);
        if line.ends_with("  ") && !kept.is_empty() {
            out.push_str("  ");
        }
        out.push('\n');
    }
    out
}
