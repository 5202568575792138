//! Reads `export const routes` as it is written, without running it.

use crate::code::{Expression, Value};
use crate::import::Reference;
use crate::model::{HandlerModel, RouteElement, RouteMistake, RouteMistakeKind, Routes};
use crate::resolve::Meaning;
use crate::span::ModuleId;

/// The properties of a route.
pub(crate) const PROPERTIES: [&str; 3] = ["path", "room", "upgrade"];

impl HandlerModel {
    /// The routes that the entry exports, if it exports a value of that name.
    pub(crate) fn read_routes(&self) -> Option<Routes> {
        let span = self.exported_value("routes")?;
        let elements = self.exported_list("routes").map(|list| {
            let routes = list.elements.iter().map(|&(module, element)| self.route(module, element));
            let change = |&span| Err(RouteMistake { span, kind: RouteMistakeKind::Changed });
            routes.chain(list.changes.iter().map(change)).collect()
        });
        Some(Routes { span, elements })
    }

    fn route(&self, module: ModuleId, element: &Expression) -> Result<RouteElement, RouteMistake> {
        if let Some(path) = self.constant_text(module, element) {
            return Ok(RouteElement { path, room: None, upgrades: true });
        }
        let mistake = |span, kind| Err(RouteMistake { span, kind });
        let mut properties = Vec::new();
        if self.gather_properties(module, element, &mut properties).is_none() {
            return mistake(element.span, RouteMistakeKind::Element);
        }
        let (mut path, mut room, mut upgrades) = (None, None, true);
        for (name, module, value) in properties {
            match name {
                Some("path") => path = Some(self.text_of("path", module, value)?),
                Some("room") => room = Some(self.text_of("room", module, value)?),
                Some("upgrade") => match self.meaning(module, value) {
                    Meaning::Value(_, Expression { value: Value::Boolean(value), .. }) => {
                        upgrades = *value;
                    }
                    _ => return mistake(value.span, RouteMistakeKind::NoBoolean),
                },
                Some(other) => {
                    let kind = RouteMistakeKind::UnknownProperty(other.to_owned());
                    return mistake(value.span, kind);
                }
                None => return mistake(value.span, RouteMistakeKind::UnreadableProperty),
            }
        }
        match path {
            Some(path) => Ok(RouteElement { path, room, upgrades }),
            None => mistake(element.span, RouteMistakeKind::NoPath),
        }
    }

    fn text_of(
        &self,
        property: &'static str,
        module: ModuleId,
        value: &Expression,
    ) -> Result<Reference, RouteMistake> {
        let kind = RouteMistakeKind::NoText(property);
        self.constant_text(module, value).ok_or(RouteMistake { span: value.span, kind })
    }
}
