//! A journal that is read, held by Python.

use journal::{Batch, Damage, Entry, Field, KINDS, Position, Reader, What};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A journal that is read; who writes it is not disturbed.
#[pyclass(frozen, module = "headgate._native")]
pub(crate) struct Journal {
    directory: PathBuf,
    /// Where the last reading ended.
    reader: Mutex<Option<Reader>>,
}

type Entries<'py> = (Bound<'py, PyList>, String, Bound<'py, PyList>);

#[pymethods]
impl Journal {
    /// Opens a directory; raises `OSError` where it cannot be read.
    #[staticmethod]
    fn open(directory: PathBuf) -> PyResult<Self> {
        std::fs::read_dir(&directory)?;
        Ok(Self { directory, reader: Mutex::default() })
    }

    /// Reads at most `limit` entries from a position on; the empty one is the beginning. Returns them, the position
    /// behind them, and what was damaged. Fewer than `limit` says that there are no more just now. Raises `ValueError`
    /// for what is no position.
    fn read<'py>(&self, py: Python<'py>, position: &str, limit: usize) -> PyResult<Entries<'py>> {
        let from: Position = position.parse().map_err(|error| PyValueError::new_err(format!("{error}")))?;
        let (batch, position) = py.detach(|| self.batch(&from, limit))?;
        let entries = PyList::empty(py);
        for (worker, entry) in batch.iter() {
            entries.append(entry_dict(py, worker, &entry)?)?;
        }
        Ok((entries, position.to_string(), damages(py, &batch.damage)?))
    }

    /// Reads all of it and says what it holds and what of it is damaged.
    fn verify<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = py.detach(|| journal::verify(&self.directory))?;
        let entries = PyDict::new(py);
        for (kind, count) in KINDS.iter().zip(report.entries) {
            entries.set_item(kind, count)?;
        }
        let dict = PyDict::new(py);
        dict.set_item("segments", report.segments)?;
        dict.set_item("bytes", report.bytes)?;
        dict.set_item("entries", entries)?;
        dict.set_item("open_calls", report.open_calls)?;
        dict.set_item("open_attempts", report.open_attempts)?;
        dict.set_item("twice", report.twice)?;
        dict.set_item("is_damaged", report.is_damaged())?;
        dict.set_item("damage", damages(py, &report.damage)?)?;
        Ok(dict)
    }

    /// Notes how far `consumer` has read: what lies before need not be kept for it. Raises `ValueError` for what is no
    /// position, `OSError` where the note cannot be written.
    fn acknowledge(&self, py: Python<'_>, consumer: &str, position: &str) -> PyResult<()> {
        let position: Position = position.parse().map_err(|error| PyValueError::new_err(format!("{error}")))?;
        Ok(py.detach(|| journal::acknowledge(&self.directory, consumer, &position))?)
    }
}

impl Journal {
    fn batch(&self, from: &Position, limit: usize) -> std::io::Result<(Batch, Position)> {
        let mut held = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let last = held.take().filter(|reader| reader.position() == *from);
        let mut reader = last.unwrap_or_else(|| Reader::new(&self.directory, from));
        let batch = Batch::read(&mut reader, limit)?;
        let position = reader.position();
        *held = Some(reader);
        Ok((batch, position))
    }
}

fn entry_dict<'py>(py: Python<'py>, worker: u32, entry: &Entry<'_>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item(pyo3::intern!(py, "kind"), entry.kind())?;
    dict.set_item(pyo3::intern!(py, "worker"), worker)?;
    let mut done = Ok(());
    entry.fields(&mut |name, field| {
        if done.is_ok() {
            done = value(py, field).and_then(|value| dict.set_item(PyString::intern(py, name), value));
        }
    });
    done.map(|()| dict)
}

fn value<'py>(py: Python<'py>, field: Field<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match field {
        Field::None => py.None().into_bound(py),
        Field::Call(id) => format!("req_{id:032x}").into_pyobject(py)?.into_any(),
        Field::Hash(hash) => format!("{hash:016x}").into_pyobject(py)?.into_any(),
        Field::Number(number) => number.into_pyobject(py)?.into_any(),
        Field::Flag(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Field::Text(text) => text.into_pyobject(py)?.into_any(),
        Field::Tags(tags) => {
            let dict = PyDict::new(py);
            for (name, value) in tags.iter() {
                dict.set_item(name, value)?;
            }
            dict.into_any()
        }
        Field::Counts(counts) => {
            let dict = PyDict::new(py);
            for (class, number) in journal::CLASSES.iter().zip(counts.0).filter(|(_, number)| *number > 0) {
                dict.set_item(PyString::intern(py, class), number)?;
            }
            dict.into_any()
        }
    })
}

fn damages<'py>(py: Python<'py>, damages: &[Damage]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for Damage { path, from, until, what } in damages {
        let (what, why) = match what {
            What::Gap => ("gap", None),
            What::TornTail => ("torn_tail", None),
            What::Header(bad) => ("header", Some(bad.to_string())),
            What::Missing => ("missing", None),
        };
        let dict = PyDict::new(py);
        dict.set_item("path", path.display().to_string())?;
        dict.set_item("from", from)?;
        dict.set_item("until", until)?;
        dict.set_item("what", what)?;
        dict.set_item("why", why)?;
        list.append(dict)?;
    }
    Ok(list)
}
