//! Options that are one of a few words, each with the value of the library that it stands for.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use zigttp_runtime::{Fsync, Isolation, OnError, RoomOrder};

/// `--fsync`
#[derive(Clone, Copy)]
pub(crate) struct FsyncChoice(pub(crate) Fsync);

/// `--on-error`
#[derive(Clone, Copy)]
pub(crate) struct OnErrorChoice(pub(crate) OnError);

/// `--isolation`
#[derive(Clone, Copy)]
pub(crate) struct IsolationChoice(pub(crate) Isolation);

/// `--compression`
#[derive(Clone, Copy)]
pub(crate) struct CompressionChoice(pub(crate) bool);

/// `--by`
#[derive(Clone, Copy)]
pub(crate) struct RoomOrderChoice(pub(crate) RoomOrder);

impl ValueEnum for RoomOrderChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &const {
            [
                RoomOrderChoice(RoomOrder::Cpu),
                RoomOrderChoice(RoomOrder::Wait),
                RoomOrderChoice(RoomOrder::Bytes),
                RoomOrderChoice(RoomOrder::Signals),
                RoomOrderChoice(RoomOrder::Events),
            ]
        }
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(match self.0 {
            RoomOrder::Cpu => "CPU time of its events",
            RoomOrder::Wait => "How long its events wait for their turn",
            RoomOrder::Bytes => "Bytes sent",
            RoomOrder::Signals => "Signals and timers handled",
            RoomOrder::Events => "Events of all kinds",
        }))
    }
}

impl ValueEnum for FsyncChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[FsyncChoice(Fsync::Never), FsyncChoice(Fsync::Always)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Fsync::Never => PossibleValue::new("never")
                .help("When the system decides; what is stored survives a crash or kill of the server"),
            Fsync::Always => PossibleValue::new("always").help(
                "Before any frame of the same event is sent; what is stored survives the loss of power too",
            ),
        })
    }
}

impl ValueEnum for OnErrorChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[OnErrorChoice(OnError::Keep), OnErrorChoice(OnError::Close)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            OnError::Keep => PossibleValue::new("keep").help("It stays open"),
            OnError::Close => PossibleValue::new("close").help("It is closed with 1011"),
        })
    }
}

impl ValueEnum for IsolationChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[IsolationChoice(Isolation::Restore), IsolationChoice(Isolation::Instantiate)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Isolation::Restore => {
                PossibleValue::new("restore").help("Undo what the last event wrote")
            }
            Isolation::Instantiate => {
                PossibleValue::new("instantiate").help("Make a new one for each event")
            }
        })
    }
}

impl ValueEnum for CompressionChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[CompressionChoice(false), CompressionChoice(true)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            false => PossibleValue::new("off").help("No message, in either direction"),
            true => PossibleValue::new("on").help("Messages of clients that offer it"),
        })
    }
}
