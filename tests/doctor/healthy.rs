//! An installation that nothing is wrong with.

use crate::patient::Patient;

pub(crate) fn nothing_is_found(patient: &Patient) {
    patient.until_healthy();
}
