//! A page's tree without what a person does not see, and shallow enough to
//! walk. Hidden text is how a page talks to a model behind its reader's back.
//!
//! Everything here goes by a list of its own, never by recursion: a page may
//! nest a hundred thousand elements.

use std::rc::Rc;

use html5ever::Attribute;
use markup5ever_rcdom::{Node, NodeData};
use url::Url;

use crate::parse;

/// Deeper elements are dissolved into their ancestors.
const MAX_DEPTH: usize = 128;
/// Elements kept; what follows is dropped.
const MAX_NODES: usize = 400_000;

/// Never shown, with all they hold.
const DROPPED: &[&str] = &[
    "applet", "area", "audio", "base", "button", "canvas", "datalist", "dialog", "embed", "frame",
    "frameset", "iframe", "input", "link", "map", "math", "meta", "meter", "noscript", "object",
    "optgroup", "option", "param", "progress", "script", "select", "source", "style", "svg",
    "template", "textarea", "title", "track", "video",
];
/// Around the page's subject.
const SURROUNDINGS: &[&str] = &["nav", "header", "footer", "aside"];

pub struct Page {
    pub root: Rc<Node>,
    pub title: Option<String>,
    /// Elements were dropped for their number.
    pub is_cut: bool,
}

pub fn page(html: &str, base: &str, main_content: bool) -> Page {
    let document = parse::html(html);
    let title = find(&document, "title").map(|node| inner_text(&node));
    let base = base_url(&document, base);
    let mut root = document.clone();
    if main_content {
        root = find(&root, "main")
            .or_else(|| find(&root, "article"))
            .unwrap_or(root);
    }
    let drop_surroundings = main_content && Rc::ptr_eq(&root, &document);
    let is_cut = clean(&root, base.as_ref(), drop_surroundings);
    Page {
        root,
        title: title.filter(|title| !title.is_empty()),
        is_cut,
    }
}

pub fn name_of(node: &Node) -> Option<&str> {
    match &node.data {
        NodeData::Element { name, .. } => Some(&name.local),
        _ => None,
    }
}

fn children(node: &Node) -> Vec<Rc<Node>> {
    node.children.borrow().clone()
}

/// The first element of that name, in document order.
fn find(root: &Rc<Node>, name: &str) -> Option<Rc<Node>> {
    let mut open = vec![root.clone()];
    while let Some(node) = open.pop() {
        if name_of(&node) == Some(name) {
            return Some(node);
        }
        open.extend(children(&node).into_iter().rev());
    }
    None
}

fn attribute(node: &Node, wanted: &str) -> Option<String> {
    let NodeData::Element { attrs, .. } = &node.data else {
        return None;
    };
    let attrs = attrs.borrow();
    let found = attrs.iter().find(|attr| &*attr.name.local == wanted);
    found.map(|attr| attr.value.to_string())
}

fn inner_text(node: &Rc<Node>) -> String {
    let mut text = String::new();
    for child in children(node) {
        if let NodeData::Text { contents } = &child.data {
            text.push_str(&contents.borrow());
        }
    }
    let text: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .take(500)
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn base_url(document: &Rc<Node>, base: &str) -> Option<Url> {
    let page = Url::parse(base).ok()?;
    let given = find(document, "base").and_then(|node| attribute(&node, "href"));
    given.and_then(|href| page.join(&href).ok()).or(Some(page))
}

/// Take out what is hidden, dissolve what is too deep, make links absolute.
fn clean(root: &Rc<Node>, base: Option<&Url>, drop_surroundings: bool) -> bool {
    let mut open = vec![(root.clone(), 0)];
    let mut count = 0;
    let mut is_cut = false;
    while let Some((node, depth)) = open.pop() {
        let mut kept = Vec::new();
        let mut waiting: Vec<Rc<Node>> = children(&node);
        waiting.reverse();
        while let Some(child) = waiting.pop() {
            if is_dropped(&child, drop_surroundings) {
                continue;
            }
            count += 1;
            if count > MAX_NODES {
                is_cut = true;
                break;
            }
            if depth >= MAX_DEPTH && name_of(&child).is_some() {
                waiting.extend(children(&child).into_iter().rev());
                continue;
            }
            mend(&child, base);
            kept.push(child);
        }
        for child in kept.iter().rev() {
            if name_of(child).is_some() {
                open.push((child.clone(), depth + 1));
            }
        }
        *node.children.borrow_mut() = kept;
    }
    is_cut
}

fn is_dropped(node: &Node, drop_surroundings: bool) -> bool {
    match &node.data {
        NodeData::Comment { .. } | NodeData::ProcessingInstruction { .. } => true,
        NodeData::Element { name, attrs, .. } => {
            DROPPED.contains(&&*name.local)
                || (drop_surroundings && SURROUNDINGS.contains(&&*name.local))
                || attrs.borrow().iter().any(is_hiding)
        }
        _ => false,
    }
}

/// An attribute by which an element is not shown.
fn is_hiding(attr: &Attribute) -> bool {
    let value = attr.value.trim().to_ascii_lowercase();
    match &*attr.name.local {
        "hidden" => true,
        "aria-hidden" => value == "true",
        "style" => is_hiding_style(&value),
        "class" => value.split_ascii_whitespace().any(|class| {
            matches!(
                class,
                "sr-only" | "visually-hidden" | "screen-reader-text" | "d-none"
            )
        }),
        _ => false,
    }
}

fn is_hiding_style(style: &str) -> bool {
    let mut is_tiny = false;
    let mut is_clipped = false;
    for (name, value) in style.split(';').filter_map(|rule| rule.split_once(':')) {
        let value = value.trim().trim_end_matches("!important").trim();
        let is_hiding = match name.trim() {
            "display" => value == "none",
            "visibility" | "content-visibility" => matches!(value, "hidden" | "collapse"),
            "opacity" => number(value).is_some_and(|n| n < 0.1),
            "font-size" => is_next_to_nothing(value),
            "text-indent" | "left" | "top" | "margin-left" | "margin-top" => {
                number(value).is_some_and(|n| n <= -500.0)
            }
            "clip" => value.replace(' ', "").starts_with("rect(0"),
            "clip-path" => value.replace(' ', "").starts_with("inset(100%"),
            "color" => value == "transparent",
            "height" | "max-height" | "width" | "max-width" => {
                is_tiny |= is_next_to_nothing(value);
                false
            }
            "overflow" | "overflow-x" | "overflow-y" => {
                is_clipped |= matches!(value, "hidden" | "clip");
                false
            }
            _ => false,
        };
        if is_hiding {
            return true;
        }
    }
    is_tiny && is_clipped
}

/// "1px" is, "1em" and "1%" are not.
fn is_next_to_nothing(value: &str) -> bool {
    let is_absolute = value.ends_with("px") || value.ends_with("pt");
    number(value).is_some_and(|n| n == 0.0 || (n < 2.0 && is_absolute))
}

/// The number a length begins with.
fn number(value: &str) -> Option<f64> {
    let end = value
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .unwrap_or(value.len());
    value[..end].parse().ok()
}

/// Links become absolute, or go; invisible characters go.
fn mend(node: &Node, base: Option<&Url>) {
    match &node.data {
        NodeData::Text { contents } => {
            let mut contents = contents.borrow_mut();
            if contents.chars().any(is_invisible) {
                *contents = contents
                    .chars()
                    .filter(|c| !is_invisible(*c))
                    .collect::<String>()
                    .into();
            }
        }
        NodeData::Element { name, attrs, .. } => {
            let wanted = match &*name.local {
                "a" => "href",
                "img" => "src",
                _ => return,
            };
            attrs.borrow_mut().retain_mut(|attr| {
                if &*attr.name.local != wanted {
                    return matches!(&*attr.name.local, "alt");
                }
                match absolute(&attr.value, base) {
                    Some(url) => attr.value = url.into(),
                    None => return false,
                }
                true
            });
        }
        _ => {}
    }
}

/// http, https and mailto links; others lead nowhere for a reader of text.
fn absolute(link: &str, base: Option<&Url>) -> Option<String> {
    let link = link.trim();
    let url = match base {
        Some(base) => base.join(link).ok()?,
        None => Url::parse(link).ok()?,
    };
    let is_page = matches!(url.scheme(), "http" | "https" | "mailto");
    (is_page && url.as_str().len() <= 2000).then(|| url.into())
}

/// Characters that show nothing: tags and variation selectors that can carry
/// text, controls of direction that show another one, zero-width ones.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
}
