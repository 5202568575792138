//! Reads `export const protocols` as it is written, without running it.

use crate::model::{HandlerModel, Protocols};

impl HandlerModel {
    /// The subprotocols that the entry exports, if it exports a value of that name.
    pub(crate) fn read_protocols(&self) -> Option<Protocols> {
        let span = self.exported_value("protocols")?;
        let names = self.exported_list("protocols").map(|list| {
            let names = list
                .elements
                .iter()
                .map(|&(module, element)| self.constant_text(module, element).ok_or(element.span));
            names.chain(list.changes.iter().map(|&change| Err(change))).collect()
        });
        Some(Protocols { span, names })
    }
}
