//! The tree of the library parser, as far as commands may stand in it.
//!
//! **Reads** one node.
//! **Gives** the nodes below it.
//! **Never** interprets any of them.

use rable::Node;
use rable::NodeKind;

/// The parts of a node in which further commands may stand.
pub(super) fn children(kind: &NodeKind) -> Vec<&Node> {
    let mut found: Vec<&Node> = Vec::new();
    match kind {
        NodeKind::Command {
            assignments,
            words,
            redirects,
        } => {
            found.extend(assignments);
            found.extend(words);
            found.extend(redirects);
        }
        NodeKind::Pipeline { commands, .. } => found.extend(commands),
        NodeKind::List { items } => found.extend(items.iter().map(|item| &item.command)),
        NodeKind::If {
            condition,
            then_body,
            else_body,
            redirects,
        } => {
            found.extend([condition.as_ref(), then_body.as_ref()]);
            found.extend(else_body.as_deref());
            found.extend(redirects);
        }
        NodeKind::While {
            condition,
            body,
            redirects,
        }
        | NodeKind::Until {
            condition,
            body,
            redirects,
        } => {
            found.extend([condition.as_ref(), body.as_ref()]);
            found.extend(redirects);
        }
        NodeKind::For {
            words,
            body,
            redirects,
            ..
        }
        | NodeKind::Select {
            words,
            body,
            redirects,
            ..
        } => {
            found.extend(words.iter().flatten());
            found.push(body);
            found.extend(redirects);
        }
        NodeKind::ForArith {
            body, redirects, ..
        }
        | NodeKind::Subshell { body, redirects }
        | NodeKind::BraceGroup { body, redirects }
        | NodeKind::ConditionalExpr { body, redirects } => {
            found.push(body);
            found.extend(redirects);
        }
        NodeKind::Case {
            word,
            patterns,
            redirects,
        } => {
            found.push(word);
            for pattern in patterns {
                found.extend(&pattern.patterns);
                found.extend(&pattern.body);
            }
            found.extend(redirects);
        }
        NodeKind::Function { body, .. } => found.push(body),
        NodeKind::Coproc { command, .. } => found.push(command),
        NodeKind::UnaryTest { operand, .. } | NodeKind::CondNot { operand } => found.push(operand),
        NodeKind::BinaryTest { left, right, .. }
        | NodeKind::CondAnd { left, right }
        | NodeKind::CondOr { left, right } => found.extend([left.as_ref(), right.as_ref()]),
        NodeKind::CondParen { inner } => found.push(inner),
        NodeKind::Negation { pipeline } | NodeKind::Time { pipeline, .. } => found.push(pipeline),
        NodeKind::Array { elements } => found.extend(elements),
        NodeKind::ArithmeticCommand { redirects, .. } => found.extend(redirects),
        _ => {}
    }
    found
}
