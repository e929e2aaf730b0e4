"""Rules of the project that no linter knows; `make check` runs them too."""

import re
from pathlib import Path

import pytest
import yaml

from tickerlake.lake import PROJECT

MACROS = sorted((PROJECT / "macros").rglob("*.sql"))
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
CROSS_ENGINE = sorted((PROJECT / "macros" / "cross_engine").glob("*.sql"))


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def test_every_dispatched_macro_is_described() -> None:
    """dbt-bouncer checks the other folders: it cannot leave out the macros that are dispatched to."""
    described = yaml.safe_load((PROJECT / "macros" / "cross_engine" / "_macros.yml").read_text())["macros"]
    assert all(macro["description"].strip() for macro in described)
    macros = {macro for path in CROSS_ENGINE for macro in re.findall(r"{% macro ([a-z0-9_]+)\(", path.read_text())}
    assert {macro["name"] for macro in described} == {macro for macro in macros if "__" not in macro}
    dispatchers = {macro["name"] for macro in described if macro["name"] in {path.stem for path in CROSS_ENGINE}}
    assert dispatchers == {path.stem for path in CROSS_ENGINE}


@pytest.mark.parametrize("path", CROSS_ENGINE, ids=name)
def test_a_cross_engine_macro_has_a_version_for_each_engine_and_a_remedy_for_others(path: Path) -> None:
    if path.stem == "unsupported_engine":
        return
    dispatched = set(re.findall(rf"{{% macro (\w+)__{path.stem}\(", path.read_text()))
    assert dispatched == {"default", "duckdb", "athena"}


def test_the_project_file_does_not_ask_for_the_engine() -> None:
    """dbt-bouncer checks macros and models."""
    assert not re.search(r"target\s*\.\s*(type|name)", (PROJECT / "dbt_project.yml").read_text())


@pytest.mark.parametrize("path", [*MACROS, *MODELS], ids=name)
def test_sql_is_written_as_text_and_lists_are_not_sliced(path: Path) -> None:
    """`{% set sql %}…{% endset %}` instead of pieces joined by ~; a list has a name for each of its parts."""
    templates = "".join(re.findall(r"{[{%].*?[%}]}", path.read_text(), re.DOTALL))
    assert not re.search(r"[a-z_)\]]\[[^]'\"]*:[^]'\"]*\]", templates)
    joined = re.findall(r"[\"'][^\"']*[\"']\s*~|~\s*[\"'][^\"']*[\"']", templates)
    keywords = r"\b(select|from|where|join|cast|insert|merge|update|between|preceding|union|case|over|partition by)\b"
    assert [text for text in joined if re.search(keywords, text) and "raise_compiler_error" not in templates] == []


@pytest.mark.parametrize("path", MODELS, ids=name)
def test_a_model_has_its_yaml_beside_it_and_lists_its_columns_at_the_end(path: Path) -> None:
    (described,) = yaml.safe_load(path.with_suffix(".yml").read_text())["models"]
    assert described["name"] == path.stem
    assert described["description"].strip()
    text = path.read_text()
    if re.search(r"^\{\{ write_changes\(", text, re.MULTILINE):
        return  # its last select is the macro's, of the columns that versioned_table lists
    last = text.rpartition("\nselect")[2]
    assert "*" not in last.partition("\nfrom")[0].replace(" * ", ""), "no select * at the end"


def test_every_group_has_an_owner_and_every_folder_of_models_a_group() -> None:
    groups = yaml.safe_load((PROJECT / "models" / "_groups.yml").read_text())["groups"]
    assert all(group["owner"].get("email") for group in groups)
    configured = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["models"]["tickerlake"]
    used = set(re.findall(r"'\+group': '(\w+)'", str(configured)))
    assert used == {group["name"] for group in groups}


def test_iceberg_data_never_shares_a_location() -> None:
    """A table whose location is not unique loses its data in a full refresh."""
    assert "s3_data_naming: schema_table_unique" in (PROJECT / "profiles.yml.example").read_text()
    assert [name(path) for path in MODELS if "s3_data_naming" in path.read_text()] == []


def test_every_var_is_declared_with_a_comment() -> None:
    declared = (PROJECT / "dbt_project.yml").read_text().partition("\nvars:\n")[2].partition("\nmodels:")[0]
    used = {name for path in [*MACROS, *MODELS] for name in re.findall(r"""\bvar\(['"](\w+)['"]\)""", path.read_text())}
    assert {var for var in used if not re.search(rf"^  {var}:", declared, re.M)} == set()
