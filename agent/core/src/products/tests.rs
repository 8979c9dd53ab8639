mod data;
mod load;
mod matching;
