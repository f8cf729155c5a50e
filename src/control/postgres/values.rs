//! Plain values as Postgres's types, and back.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::control::Value;

type Fault = Box<dyn Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Fault> {
        match (self, column) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Int(number), &Type::INT8) => out.put_i64(*number),
            (Self::Int(number), &Type::INT4) => out.put_i32((*number).try_into()?),
            (Self::Int(number), &Type::BOOL) => out.put_u8(u8::from(*number != 0)),
            (Self::Text(text), &Type::TEXT | &Type::VARCHAR) => out.put_slice(text.as_bytes()),
            (Self::Text(text), &Type::UUID) => out.put_slice(Uuid::try_parse(text)?.as_bytes()),
            (Self::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
            _ => return Err(format!("{self:?} does not go into a column of type {column}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        Ok(match *column {
            Type::INT8 => Self::Int(i64::from_sql(column, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(column, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(column, raw)?.into()),
            Type::TEXT | Type::VARCHAR => Self::Text(String::from_sql(column, raw)?),
            Type::UUID => Self::Text(Uuid::from_slice(raw)?.to_string()),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            _ => return Err(format!("no value is made of a column of type {column}").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Fault> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
