from tests.unit.doctor.conftest import mesh as mesh
