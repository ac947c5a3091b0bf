//! Compiled templates with checks: takes the engine's instructions, gives the same ones with a check before each that
//! reads or makes values, and with raw text written as a value.

use minijinja::machinery::{Instruction, Instructions};
use minijinja::{Error, Value};

use super::charge::Growth;
use super::refused;

/// Inserts the checks.
///
/// # Errors
/// A list, a mapping or a call with more than 65,535 parts.
pub(super) fn with_checks<'source>(old: &Instructions<'source>) -> Result<Instructions<'source>, Error> {
    // Positions of the old instructions among the new ones, for jumps.
    let mut positions = Vec::new();
    let mut next = 0;
    for index in 0.. {
        positions.push(next);
        let Some(instruction) = old.get(index) else { break };
        next += 1 + inserted(instruction)?;
    }
    let moved = |index: u32| positions.get(index as usize).copied().unwrap_or(next);
    let mut new = Instructions::new(old.name(), old.source());
    for index in 0.. {
        let Some(instruction) = old.get(index) else { break };
        let line = old.get_line(index).and_then(|line| u16::try_from(line).ok());
        let mut add = |instruction: Instruction<'source>| match line {
            Some(line) => new.add_with_line(instruction, line),
            None => new.add(instruction),
        };
        if let Instruction::EmitRaw(text) = instruction {
            add(Instruction::LoadConst(Value::from_safe_string((*text).to_owned())));
            add(Instruction::Emit);
            continue;
        }
        match arguments(instruction)? {
            Some((growth, Some(n))) => {
                add(Instruction::CallFunction(growth.function(), Some(n)));
                add(Instruction::UnpackLists(1));
                // The number of arguments, which only a call with unpacked ones needs.
                add(Instruction::DiscardTop);
            }
            Some((growth, None)) => {
                add(Instruction::CallFunction(growth.function(), None));
                add(Instruction::UnpackLists(1));
            }
            None => {}
        }
        add(match instruction {
            Instruction::Iterate(target) => Instruction::Iterate(moved(*target)),
            Instruction::Jump(target) => Instruction::Jump(moved(*target)),
            Instruction::JumpIfFalse(target) => Instruction::JumpIfFalse(moved(*target)),
            Instruction::JumpIfFalseOrPop(target) => Instruction::JumpIfFalseOrPop(moved(*target)),
            Instruction::JumpIfTrueOrPop(target) => Instruction::JumpIfTrueOrPop(moved(*target)),
            Instruction::BuildMacro(name, target, flags) => Instruction::BuildMacro(name, moved(*target), *flags),
            other => other.clone(),
        });
    }
    Ok(new)
}

/// Number of instructions that stand before this one in the new list, or in its place besides one.
fn inserted(instruction: &Instruction<'_>) -> Result<u32, Error> {
    if let Instruction::EmitRaw(_) = instruction {
        return Ok(1);
    }
    Ok(match arguments(instruction)? {
        Some((_, Some(_))) => 3,
        Some((_, None)) => 2,
        None => 0,
    })
}

/// The values on the stack that an instruction reads, and how they can grow; `None` for instructions without a check. A
/// number of `None` is on the stack itself.
fn arguments(instruction: &Instruction<'_>) -> Result<Option<(Growth, Option<u16>)>, Error> {
    let many = |n: usize| {
        let n = u16::try_from(n).map_err(|_| refused(format_args!("{n} parts of a list or call: too many")))?;
        Ok(Some((Growth::None, Some(n))))
    };
    match instruction {
        Instruction::Mul => Ok(Some((Growth::Product, Some(2)))),
        Instruction::Add
        | Instruction::StringConcat
        | Instruction::Eq
        | Instruction::Ne
        | Instruction::Gt
        | Instruction::Gte
        | Instruction::Lt
        | Instruction::Lte
        | Instruction::In
        | Instruction::CompareAndPreserve(_) => Ok(Some((Growth::None, Some(2)))),
        Instruction::Slice => Ok(Some((Growth::None, Some(4)))),
        Instruction::BuildList(Some(n)) => many(*n),
        Instruction::BuildMap(n) | Instruction::BuildKwargs(n) => many(n.saturating_mul(2)),
        Instruction::ApplyFilter(name, n, _) | Instruction::CallMethod(name, n) => Ok(Some((Growth::of(name), *n))),
        Instruction::PerformTest(_, n, _) | Instruction::CallFunction(_, n) | Instruction::CallObject(n) => {
            Ok(Some((Growth::None, *n)))
        }
        _ => Ok(None),
    }
}
