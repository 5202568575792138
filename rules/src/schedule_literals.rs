//! Reads `export const schedules` as it is written, without running it.

use crate::code::Expression;
use crate::import::Reference;
use crate::model::{
    HandlerModel, ScheduleElement, ScheduleMistake, ScheduleMistakeKind, Schedules,
};
use crate::span::ModuleId;

/// The properties of a schedule. It has all of them.
pub(crate) const PROPERTIES: [&str; 3] = ["cron", "room", "name"];

impl HandlerModel {
    /// The schedules that the entry exports, if it exports a value of that name.
    pub(crate) fn read_schedules(&self) -> Option<Schedules> {
        let span = self.exported_value("schedules")?;
        let elements = self.exported_list("schedules").map(|list| {
            let schedules =
                list.elements.iter().map(|&(module, element)| self.schedule(module, element));
            let change = |&span| Err(ScheduleMistake { span, kind: ScheduleMistakeKind::Changed });
            schedules.chain(list.changes.iter().map(change)).collect()
        });
        Some(Schedules { span, elements })
    }

    fn schedule(
        &self,
        module: ModuleId,
        element: &Expression,
    ) -> Result<ScheduleElement, ScheduleMistake> {
        let mistake = |span, kind| Err(ScheduleMistake { span, kind });
        let mut properties = Vec::new();
        if self.gather_properties(module, element, &mut properties).is_none() {
            return mistake(element.span, ScheduleMistakeKind::Element);
        }
        let mut texts: [Option<Reference>; PROPERTIES.len()] = [const { None }; PROPERTIES.len()];
        for (name, module, value) in properties {
            let Some(name) = name else {
                return mistake(value.span, ScheduleMistakeKind::UnreadableProperty);
            };
            let Some(index) = PROPERTIES.iter().position(|&known| known == name) else {
                let kind = ScheduleMistakeKind::UnknownProperty(name.to_owned());
                return mistake(value.span, kind);
            };
            let Some(text) = self.constant_text(module, value) else {
                return mistake(value.span, ScheduleMistakeKind::NoText(PROPERTIES[index]));
            };
            texts[index] = Some(text);
        }
        match texts {
            [Some(cron), Some(room), Some(name)] => {
                Ok(ScheduleElement { span: element.span, cron, room, name })
            }
            texts => {
                let missing = texts.iter().position(Option::is_none).unwrap_or(0);
                mistake(element.span, ScheduleMistakeKind::Missing(PROPERTIES[missing]))
            }
        }
    }
}
