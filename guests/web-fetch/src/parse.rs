//! HTML to a tree, in time that grows with the page alone.
//!
//! The tree builder looks through its open elements at each tag, so a page
//! that opens a hundred thousand would take minutes: tags past a depth are not
//! shown to it.

use std::cell::Cell;
use std::rc::Rc;

use html5ever::TokenizerResult;
use html5ever::interface::TreeSink;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use markup5ever_rcdom::{Node, RcDom};

const MAX_OPEN: u32 = 512;

/// Void, or ended by the next of its kind: these do not pile up.
const UNCOUNTED: &[&str] = &[
    "area", "base", "body", "br", "caption", "col", "colgroup", "dd", "dt", "embed", "head", "hr",
    "html", "img", "input", "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt",
    "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr",
];

type Builder = TreeBuilder<Rc<Node>, RcDom>;

struct Shallow {
    builder: Builder,
    open: Cell<u32>,
    /// Elements begun past the depth and not ended yet.
    skipped: Cell<u32>,
}

impl Shallow {
    fn is_skipped(&self, token: &Token) -> bool {
        let Token::TagToken(tag) = token else {
            return false;
        };
        if tag.self_closing || UNCOUNTED.contains(&&*tag.name) {
            return false;
        }
        match tag.kind {
            TagKind::StartTag if self.open.get() >= MAX_OPEN => {
                self.skipped.set(self.skipped.get() + 1);
                true
            }
            TagKind::StartTag => {
                self.open.set(self.open.get() + 1);
                false
            }
            TagKind::EndTag if self.skipped.get() > 0 => {
                self.skipped.set(self.skipped.get() - 1);
                true
            }
            TagKind::EndTag => {
                self.open.set(self.open.get().saturating_sub(1));
                false
            }
        }
    }
}

impl TokenSink for Shallow {
    type Handle = Rc<Node>;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Rc<Node>> {
        if self.is_skipped(&token) {
            return TokenSinkResult::Continue;
        }
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder
            .adjusted_current_node_present_but_not_in_html_namespace()
    }
}

pub fn html(text: &str) -> Rc<Node> {
    let sink = Shallow {
        builder: TreeBuilder::new(RcDom::default(), TreeBuilderOpts::default()),
        open: Cell::new(0),
        skipped: Cell::new(0),
    };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    while let TokenizerResult::Script(_) = tokenizer.feed(&input) {}
    tokenizer.end();
    tokenizer.sink.builder.sink.finish().document
}
