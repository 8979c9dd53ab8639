mod files;
mod package_json;
mod process;
