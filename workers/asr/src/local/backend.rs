//! Ways to compute, from the fastest to the safest.

use serde::{Deserialize, Serialize};

/// What the engine computes with. A processor on which one way crashes or gives wrong texts is given the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Intel's MKL, in 8-bit integers with weights packed for the processor.
    Mkl,
    /// oneDNN, in 8-bit integers.
    OneDnn,
    /// oneDNN, in floating point and with nothing newer than SSE 4.1.
    Plain,
}

impl Backend {
    /// Where an engine on this processor begins: the library takes MKL for Intel's own, oneDNN for others.
    pub(super) fn first(processor: &str) -> Self {
        if processor.contains("GenuineIntel") { Self::Mkl } else { Self::OneDnn }
    }

    /// The next safer one.
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Mkl => Some(Self::OneDnn),
            Self::OneDnn => Some(Self::Plain),
            Self::Plain => None,
        }
    }

    /// For people and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mkl => "int8 MKL",
            Self::OneDnn => "int8 oneDNN",
            Self::Plain => "float32 plain",
        }
    }

    /// What the engine's program is told.
    pub(super) fn arithmetic(self) -> &'static str {
        match self {
            Self::Mkl | Self::OneDnn => "int8",
            Self::Plain => "float32",
        }
    }

    /// What the libraries look for in their environment before they are loaded. Threads are the engine's own, each with
    /// one of the library's.
    pub(super) fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Mkl => &[("OMP_NUM_THREADS", "1"), ("CT2_USE_MKL", "1")],
            Self::OneDnn => &[("OMP_NUM_THREADS", "1"), ("CT2_USE_MKL", "0")],
            Self::Plain => &[
                ("OMP_NUM_THREADS", "1"),
                ("CT2_USE_MKL", "0"),
                ("CT2_FORCE_CPU_ISA", "GENERIC"),
                ("ONEDNN_MAX_CPU_ISA", "SSE41"),
            ],
        }
    }
}
