//! `schema`, `completions`, `man`: what the program prints about itself.
//!
//! **Reads** nothing.
//! **Gives** JSON Schemas (draft 2020-12), shell completions, a manual page (man(7)).
//! **Never** needs an installation.

use std::io;
use std::io::Write;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Stop;
use crate::audit::Record;
use crate::config;
use crate::report::Report;
use crate::request::Draft;
use crate::response::Response;
use crate::status::exit;

/// Which schema to print.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Schema {
    /// What is read on standard input
    Request,
    /// What is printed on standard output
    Response,
    /// One line of the log
    Record,
    /// A report by `aiops report --format json`
    Report,
    /// The file `config.yml`, for editors
    Config,
}

pub(super) fn schema(of: Schema, out: &mut dyn Write) -> Result<u8, Stop> {
    let schema = match of {
        Schema::Request => SchemaSettings::default()
            .into_generator()
            .into_root_schema_for::<Draft>()
            .to_value(),
        // What is written has every field that is not left out, and the schema demands them.
        Schema::Response => written::<Response>(),
        Schema::Record => written::<Record>(),
        Schema::Report => written::<Report>(),
        Schema::Config => config::schema(),
    };
    writeln!(
        out,
        "{}",
        serde_json::to_string_pretty(&schema).map_err(io::Error::other)?
    )?;
    Ok(exit::ANSWERED)
}

fn written<T: JsonSchema>() -> Value {
    SchemaSettings::default()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

pub(super) fn completions(
    command: &mut clap::Command,
    shell: clap_complete::Shell,
    out: &mut dyn Write,
) -> Result<u8, Stop> {
    // The generator panics where it cannot write; a buffer always can.
    let mut text = Vec::new();
    clap_complete::generate(shell, command, "aiops", &mut text);
    out.write_all(&text)?;
    Ok(exit::ANSWERED)
}

/// One page for the program, and behind it one section a subcommand.
pub(super) fn man(command: clap::Command, out: &mut dyn Write) -> Result<u8, Stop> {
    clap_mangen::Man::new(command.clone()).render(out)?;
    let mut text = Vec::new();
    for part in command.get_subcommands() {
        section(part, &part.get_name().to_uppercase(), &mut text)?;
        for inner in part.get_subcommands() {
            let name = format!("{} {}", part.get_name(), inner.get_name());
            section(inner, &name.to_uppercase(), &mut text)?;
        }
    }
    out.write_all(&text)?;
    out.write_all(MORE_OF_THE_MANUAL.as_bytes())?;
    Ok(exit::ANSWERED)
}

fn section(command: &clap::Command, name: &str, text: &mut Vec<u8>) -> io::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    writeln!(text, ".SH \"{name}\"")?;
    page.render_description_section(text)?;
    page.render_options_section(text)
}

/// What the description of the command line does not hold.
const MORE_OF_THE_MANUAL: &str = include_str!("manual.roff");
