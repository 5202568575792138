//! Types that are written beside names, as far as they are followed.

use swc_core::ecma::ast::{
    TsArrayType, TsEntityName, TsType, TsTypeAnn, TsTypeOperator, TsTypeRef,
    TsUnionOrIntersectionType, TsUnionType,
};
use zigts_rules::code::DeclaredType;
use zigttp_abi::api::Module;

use super::Collector;

/// Types of the language that contain one type.
const LISTS: [&str; 5] = ["Array", "ReadonlyArray", "Set", "ReadonlySet", "Iterable"];

impl Collector<'_> {
    /// The type that an annotation names, if it comes from outside of the handler.
    pub(super) fn declared_type(&self, annotation: &TsTypeAnn) -> Option<DeclaredType> {
        self.named_type(&annotation.type_ann)
    }

    /// Notes the type of a class's own property.
    pub(super) fn own_property(&mut self, name: &str, annotation: Option<&TsTypeAnn>) {
        let declared = annotation.and_then(|annotation| self.declared_type(annotation));
        let known = self.code.own_properties.entry(name.to_owned());
        let known = known.or_insert_with(|| declared.clone());
        if *known != declared {
            *known = None;
        }
    }

    fn named_type(&self, ty: &TsType) -> Option<DeclaredType> {
        match ty {
            TsType::TsParenthesizedType(inner) => self.named_type(&inner.type_ann),
            TsType::TsTypeOperator(TsTypeOperator { type_ann, .. }) => self.named_type(type_ann),
            TsType::TsArrayType(TsArrayType { elem_type, .. }) => self.list_of(elem_type),
            // `Request | undefined`
            TsType::TsUnionOrIntersectionType(TsUnionOrIntersectionType::TsUnionType(
                TsUnionType { types, .. },
            )) => {
                let mut types = types.iter().filter(|ty| !ty.is_ts_keyword_type());
                let only = types.next().filter(|_| types.next().is_none())?;
                self.named_type(only)
            }
            TsType::TsTypeRef(reference) => self.referred_type(reference),
            _ => None,
        }
    }

    fn list_of(&self, element: &TsType) -> Option<DeclaredType> {
        let DeclaredType { name, is_list } = self.named_type(element)?;
        (!is_list).then_some(DeclaredType { name, is_list: true })
    }

    fn referred_type(&self, reference: &TsTypeRef) -> Option<DeclaredType> {
        let TsEntityName::Ident(name) = &reference.type_name else { return None };
        let name = match self.imports.of_local(&name.to_id()) {
            Some((_, import, imported)) if Module::of_specifier(&import.specifier).is_some() => {
                imported.imported.clone()?
            }
            Some(_) => return None,
            None if name.ctxt == self.undeclared => name.sym.to_string(),
            None => return None,
        };
        match &reference.type_params {
            None => Some(DeclaredType { name, is_list: false }),
            Some(of) if LISTS.contains(&name.as_str()) => self.list_of(of.params.first()?),
            Some(_) => None,
        }
    }
}
